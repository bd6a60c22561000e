import json
import subprocess
import sys

import pypdf
import pytest

from recidiv_core import Roles, apply_rule, load_dataset, optimal_thresholds, score_curves
from recidiv_core.__main__ import main
from tests.conftest import ROOT, random_table
from tests.sentencing.test_sentencing import papers_table


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "t.csv"
    random_table(1).to_csv(path, index=False)
    return str(path)


ROLES = ["--label", "y", "--score", "score", "--sensitive", "group"]


def test_audit_writes_json_and_pdf(table, tmp_path, capsys):
    out, pdf = tmp_path / "o.json", tmp_path / "o.pdf"
    code = main(
        ["audit", table, *ROLES, "--sensitive", "sex", "--threshold", "0.5", "--json", str(out), "--pdf", str(pdf)]
    )
    assert code == 0 and "group: " in capsys.readouterr().out
    content = json.loads(out.read_text(encoding="utf-8"), parse_constant=lambda name: pytest.fail(name))
    assert content["threshold"] == 0.5 and {r["attribute"] for r in content["by_group"]} == {"group", "sex"}
    assert content["manifest"]["results"][0]["dataset"]["sha256"] == content["dataset"]["sha256"]
    assert len(pypdf.PdfReader(pdf).pages) > 2


@pytest.mark.parametrize(
    ("source", "gate", "code"),
    [
        ("sample:planted_scores", "exceeds", 1),
        ("sample:planted_scores", "cannot-conclude", 1),
        ("sample:planted_scores", None, 0),
    ],
)
def test_gate(source, gate, code):
    assert main(["audit", source, "--threshold", "0.5", *(["--fail-on", gate] if gate else [])]) == code


def test_gate_on_what_cannot_be_concluded(table):
    roles = ["--label", "y", "--score", "score", "--sensitive", "sex", "--threshold", "0.5"]
    assert main(["audit", table, *roles, "--fail-on", "exceeds"]) == 0
    assert main(["audit", table, *roles, "--fail-on", "cannot-conclude"]) == 1


def test_bad_input_is_told_whole_without_a_traceback(tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("y,score,group\n1,high,a\n2,low,a\n3,low,a\n")
    done = subprocess.run(
        [sys.executable, "-m", "recidiv_core", "audit", str(path), *ROLES], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.count("error: ") == 3 and "Traceback" not in done.stderr and "high" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [["audit", "absent.csv", *ROLES], ["audit", "sample:nope"], ["audit", "sample:nc_releases", "--tolerance", "7"]],
)
def test_exit_2(arguments):
    assert main(arguments) == 2


def test_unwritable_output_is_bad_input(table, tmp_path, capsys):
    assert main(["audit", table, *ROLES, "--json", str(tmp_path / "no" / "o.json")]) == 2
    assert main(["audit", table, *ROLES, "--pdf", str(tmp_path / "no" / "o.pdf")]) == 2
    assert capsys.readouterr().err.count("error: ") == 2


def test_a_reader_who_stops_reading_costs_no_file(table, tmp_path):
    """As in `… | head -1`: the pipe closes, the files are there."""
    out = tmp_path / "o.json"
    command = [sys.executable, "-m", "recidiv_core", "audit", table, *ROLES, "--json", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) == 0 and b"Traceback" not in errors and out.exists()


def test_samples_are_listed(capsys):
    assert main(["samples"]) == 0
    assert "sample:nc_releases" in capsys.readouterr().out


def test_thresholds_writes_rule_and_json(table, tmp_path, capsys):
    out, rule = tmp_path / "o.json", tmp_path / "rule.json"
    command = ["thresholds", table, *ROLES, "--definition", "predictive_parity", "--tolerance", "0.02"]
    assert main([*command, "--json", str(out), "--rule", str(rule)]) == 0
    said = capsys.readouterr().out
    assert "redictive parity" in said and "cannot conclude" in said
    content = json.loads(out.read_text(encoding="utf-8"), parse_constant=lambda name: pytest.fail(name))
    found = content["results"][0]
    dataset = load_dataset(table, roles=Roles("y", score="score", sensitive="group"))
    again = optimal_thresholds(score_curves(dataset, attribute="group"), definition="predictive_parity", tolerance=0.02)
    assert found["thresholds"] == again.thresholds and found["solution"]["objective"] == again.objective
    flagged = apply_rule(rule.read_bytes(), dataset)
    assert flagged.sum() == sum(row["tp"] + row["fp"] for row in found["by_group"])
    assert content["manifest"]["results"][0]["thresholds"] == again.thresholds


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (["--sensitive", "sex", "--rule", "r.json"], "--rule"),
        (["--min-recall", "2"], "min_recall"),
        (["--objective", "cost"], "cost_ratio"),
        (["--partial", "0.5"], "partial"),
        (["--tolerance", "nan"], "tolerance"),
    ],
)
def test_thresholds_tells_bad_options(table, more, problem, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["thresholds", table, *ROLES, "--definition", "equal_opportunity", *more]) == 2
    assert problem in capsys.readouterr().err and not list(tmp_path.glob("r.json"))


def test_slices_prints_what_it_found_and_writes_it(tmp_path, capsys):
    out, pdf = tmp_path / "s.json", tmp_path / "s.pdf"
    options = ["-k", "3", "--alpha", "0.97", "--max-level", "2", "--json", str(out), "--pdf", str(pdf)]
    assert main(["slices", "sample:planted_slice", *options]) == 0
    text = capsys.readouterr().out
    assert "employed = no and district = North" in text and "▲ confirmed" in text
    content = json.loads(out.read_text(encoding="utf-8"), parse_constant=lambda name: pytest.fail(name))
    assert content["table"][0]["slice"] == {"employed": "no", "district": "North"} and len(content["table"]) <= 3
    assert content["manifest"]["results"][0]["room"] == "slices" and pdf.stat().st_size > 10_000


def test_slices_takes_features_and_errors_and_tells_bad_ones(table, capsys):
    assert (
        main(["slices", table, *ROLES, "--error", "false_negative", "--threshold", "0.5", "--features", "group", "sex"])
        == 0
    )
    assert "people with the outcome" in capsys.readouterr().out
    assert main(["slices", table, *ROLES, "--error", "regret"]) == 2
    assert "error: error: expected" in capsys.readouterr().err


def test_from_events_to_an_audit_of_a_trained_model(tmp_path, capsys):
    """What a researcher does: events, outcomes, a model, its audit on another table."""
    table, other, model, pdf = (str(tmp_path / name) for name in ("a.csv", "b.csv", "m.skops", "o.pdf"))
    usual = ["--start", "2000-01-01", "--horizons", "3", "any"]
    assert (
        main(["outcomes", "simulated:900", *usual, "--out", table, "--pdf", pdf, "--json", str(tmp_path / "o.json")])
        == 0
    )
    assert "watched for less than 3 years" in capsys.readouterr().out and len(pypdf.PdfReader(pdf).pages) > 2
    assert main(["outcomes", "simulated:900", *usual, "--seed", "1", "--out", other]) == 0
    label = ["--label", "recidivism within 3 years", "--sensitive", "group"]
    quick = ["--algorithm", "decision_tree", "--folds", "2", "--iterations", "0", "--unaware", "--id", "person"]
    assert (
        main(["train", table, *label, *quick, "--save", model, "--pdf", pdf, "--json", str(tmp_path / "t.json")]) == 0
    )
    said = capsys.readouterr().out
    assert "out of fold (2 folds)" in said and "on people held out" in said and "not offending again" in said
    content = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    assert "recidivism at any time" not in content["features"]["recidivism within 3 years"]
    assert main(["audit", other, *label, "--model", model, "--threshold", "0.5"]) == 0
    assert "flagged: score ≥ 0.5" in capsys.readouterr().out
    renamed = tmp_path / "c.csv"
    renamed.write_text(
        (tmp_path / "b.csv").read_text(encoding="utf-8").replace(",age,", ",years old,", 1), encoding="utf-8"
    )
    assert main(["audit", str(renamed), *label, "--model", model]) == 2
    assert "column 'age': expected a number" in capsys.readouterr().err
    assert main(["audit", str(renamed), *label, "--model", model, "--column", "age=years old"]) == 0
    (tmp_path / "evil.skops").write_bytes(b"\x80\x04K\x01.")
    assert main(["audit", other, *label, "--model", str(tmp_path / "evil.skops")]) == 2
    assert "which runs code" in capsys.readouterr().err


def test_times_until_return_become_outcomes_too(capsys):
    assert main(["outcomes", str(ROOT / "sample_data" / "nc_releases.csv"), "--horizons", "1", "2", "3"]) == 0
    said = capsys.readouterr()
    assert "23.4 % within 2 years" in said.out and "columns guessed: time durat" in said.err
    assert main(["outcomes", "simulated:many"]) == 2


def test_counterfactuals_prints_the_article_and_writes_it(tmp_path, capsys):
    out, pdf = tmp_path / "o.json", tmp_path / "o.pdf"
    vary = ["--vary", "Gender=Male,Female"]
    assert (
        main(["counterfactuals", "sample:loans", *vary, "--profiles", "300", "--json", str(out), "--pdf", str(pdf)])
        == 0
    )
    assert "300 lose by it (Approved to Denied), 0 gain" in capsys.readouterr().out
    content = json.loads(out.read_text(encoding="utf-8"), parse_constant=lambda name: pytest.fail(name))
    assert content["overall"]["n_flips"] == 300 and content["options"]["vary"] == {"Gender": ["Male", "Female"]}
    assert len(pypdf.PdfReader(pdf).pages) > 2


def test_counterfactuals_asks_a_model_from_a_file(table, tmp_path, capsys):
    model = tmp_path / "m.skops"
    own = ["--label", "y", "--sensitive", "group", "--sensitive", "sex"]
    assert (
        main(
            [
                "train",
                table,
                *own,
                "--algorithm",
                "decision_tree",
                "--iterations",
                "0",
                "--folds",
                "1",
                "--save",
                str(model),
            ]
        )
        == 0
    )
    capsys.readouterr()
    vary = ["--vary", "group=A,B", "--vary", "sex=f,m"]
    assert main(["counterfactuals", table, "--model", str(model), *vary, "--source", "rows"]) == 0
    printed = capsys.readouterr().out
    assert "400 real rows" in printed and "group and sex" in printed


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["sample:loans", "--vary", "Gender"], "COLUMN=VALUE,VALUE"),
        (["sample:loans", "--vary", "Sex=f,m"], "1 that it has not"),
        (["sample:loans", "--vary", "Gender=Male,Nobody"], "1 that it never saw"),
        (["sample:loans", "--vary", "Gender=Male,Female", "--locale", "tlh"], "locale"),
        (["sample:nc_releases", "--vary", "black=Black,not Black"], "a trained model"),
    ],
)
def test_counterfactuals_tells_bad_input(arguments, told, capsys):
    assert main(["counterfactuals", *arguments]) == 2
    assert told in capsys.readouterr().err


def test_a_copy_is_made_and_judged(tmp_path, capsys):
    names = {name: str(tmp_path / f"{name}.csv") for name in ("copy", "train", "other")}
    made = [
        "synthesize",
        "sample:residents",
        "--method",
        "copula",
        "--out",
        names["copy"],
        "--holdout",
        names["other"],
        "--train",
        names["train"],
    ]
    assert main(made) == 0
    card = json.loads((tmp_path / "copy.csv.card.json").read_text(encoding="utf-8"))
    assert card["method"] == "copula" and card["n"] == 3_000
    capsys.readouterr()
    out = tmp_path / "o.json"
    judged = ["--holdout", names["other"], "--sensitive", "language"]
    assert main(["privacy", names["train"], names["copy"], *judged, "--json", str(out)]) == 0
    assert "No sign in its distances that the copy gives people away" in capsys.readouterr().out
    content = json.loads(out.read_text(encoding="utf-8"), parse_constant=lambda name: pytest.fail(name))
    assert {row["group"] for row in content["by_group"]} == {"Spanish", "indigenous"}
    assert main(["privacy", names["train"], names["train"], *judged]) == 0
    assert "The copy gives people away: 100.0 %" in capsys.readouterr().out
    assert main(["privacy", names["train"], names["copy"]]) == 0
    printed = capsys.readouterr().out
    assert (
        "nothing can be said of whether it gives people away" in printed
        and "0.0 % of the copy are exact copies" in printed
        and "baseline_dcr_mean" in printed
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["synthesize", "sample:residents", "--method", "undersample", "--ratio", "0.3", "--out", "x.csv"],
            "has already",
        ),
        (
            ["synthesize", "sample:residents", "--method", "copula", "--out", "x.csv", "--train", "y.csv"],
            "--holdout beside it",
        ),
        (
            ["synthesize", "sample:residents", "--method", "copula", "--out", "no/such/folder/x.csv"],
            "a place that can be written to",
        ),
        (["privacy", "sample:residents", "sample:residents", "--columns", "nope"], "column 'nope'"),
        (["synthesize", "sample:nope", "--method", "copula", "--out", "x.csv"], "sample: expected one of"),
        (["synthesize", "sample:residents", "--method", "copula", "--out", "x.xlsx"], "a file that ends in .csv"),
        (["synthesize", "in.csv", "--label", "y", "--method", "copula", "--out", "in.csv"], "files of their own"),
        (
            ["synthesize", "sample:residents", "--method", "copula", "--out", "x.csv", "--holdout", "./x.csv"],
            "files of their own",
        ),
        (["privacy", "sample:residents", "sample:loans", "--sensitive", "sex"], "at least one that all tables have"),
    ],
)
def test_copies_tell_bad_input(arguments, told, capsys):
    assert main(arguments) == 2
    assert told in capsys.readouterr().err


def test_sentences_are_asked_about_and_written(tmp_path, capsys):
    table, out, pdf = tmp_path / "sentences.csv", tmp_path / "o.json", tmp_path / "o.pdf"
    papers_table().rename(columns={"given": "months imposed", "guideline": "book"}).to_csv(table, index=False)
    case = ["--for-charge", "Drug trafficking", "--for-level", "6", "--for-race", "Black", "--for-gender", "Male"]
    asked = ["sentencing", str(table), *case]
    assert (
        main([*asked, "--given", "months imposed", "--guideline", "book", "--json", str(out), "--pdf", str(pdf)]) == 0
    )
    printed = capsys.readouterr()
    assert "39.7 months longer" in printed.out and "Charge bargaining" in printed.out
    assert "given months imposed" in printed.err and pdf.read_bytes().startswith(b"%PDF")
    content = json.loads(out.read_text(encoding="utf-8"), parse_constant=lambda name: pytest.fail(name))
    assert content["case"]["summary"]["mean"] == 39.72043010752688
    assert main([*asked[:-1], "Nobody", "--given", "months imposed", "--guideline", "book"]) == 2
    assert "gender: expected one that occurs" in capsys.readouterr().err
    assert main(["sentencing", "simulated:many", *case]) == 2
    assert "simulated:N" in capsys.readouterr().err
