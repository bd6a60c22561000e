"""The method in words, with formulas and sources, as the report and the pages print it."""

from __future__ import annotations

METHOD: tuple[tuple[str, str], ...] = (
    (
        "Measures",
        "Each group has its own table of four counts: TP (flagged, had the outcome), FP (flagged, did not), FN (not "
        "flagged, had it) and TN (neither). P = TP + FN, N = FP + TN, n = P + N. Base rate P/n; selection rate "
        "(TP + FP)/n; true positive rate TP/P; false positive rate FP/N; false negative rate FN/P; true negative rate "
        "TN/N; positive predictive value TP/(TP + FP); negative predictive value TN/(TN + FN); false discovery rate "
        "FP/(TP + FP); false omission rate FN/(TN + FN); accuracy (TP + TN)/n; F1 2TP/(2TP + FP + FN); error balance "
        "FN/FP. A measure whose denominator is 0 does not exist: it is printed as not estimable, never as 0.",
    ),
    (
        "Intervals of one group",
        "Proportions: Wilson [1]. F1 and error balance are functions of one proportion, q = TP/(TP + FP + FN) with "
        "F1 = 2q/(1 + q), and q = FN/(FN + FP) with FN/FP = q/(1 − q); they have Wilson's interval of q, carried "
        "through. AUC: DeLong [2] on the logit scale. Brier score: Wilson, an upper bound, since a mean in [0, 1] "
        "varies at most like a proportion. Log loss: Student. Calibration error: the estimate ± the noise of its "
        "ten bins of equal width. With row weights n is Kish's effective size. Each such interval covers its own "
        "value only.",
    ),
    (
        "Comparisons and verdicts",
        "The range of a measure is its highest minus its lowest value over the groups compared. It is the largest "
        "difference over all pairs, so simultaneous intervals of all pairs bound it. Each pair's interval is "
        "Newcombe's [3], in the general form of Zou and Donner [4], at a critical value taken from the largest "
        "standardised difference over all pairs and all measures of the attribute in a bootstrap of the counts "
        "[5]. L is the largest lower bound of |difference| over pairs (0 where the interval holds 0), U the "
        "largest upper bound. Exceeds: L > tolerance. Within: U < tolerance. Otherwise: cannot conclude.",
    ),
    (
        "Detectable, p, ratios",
        "Detectable is the smallest true difference between the two groups furthest apart that would be called "
        "exceeds in four of five samples of this size. p is the probability of a pair as far apart anywhere in the "
        "attribute's table if no groups differed. Ratios have the interval of Donner and Zou [6]. The four-fifths "
        "rule compares each group's rate of the favourable result with that of the most favoured group [7].",
    ),
    (
        "Thresholds per group",
        "People are flagged at score ≥ their group's threshold; equal scores are treated alike. A definition is "
        "satisfied when the highest minus the lowest value of its measure over the groups is below the tolerance: "
        "statistical parity, the selection rate; equal opportunity, the true positive rate; predictive parity, the "
        "positive predictive value; treatment equality, FN/FP; equalized odds, the true and the false positive "
        "rate both [8, 9]. The thresholds printed are the best of all combinations of each group's scores, and of "
        "flagging nobody, by the sum of the objective over the groups: an exact search, no grid, no randomness. "
        "Ties go to the combination that decides the smallest share of people otherwise than the baseline. Where "
        "no combination satisfies, those with the smallest range are printed, and said to be. Groups with fewer "
        "people than the smallest group compared take no part and keep the baseline's threshold.",
    ),
    (
        "Tuned on some rows, judged on others",
        "Thresholds chosen to satisfy a definition on some rows do so less well on others. So the rows are dealt "
        "at random into two halves, thresholds are tuned in the same way on one and judged on the other. Range, "
        "interval and verdict held out are those of the judging half; the share of resamples is that of 1,000 "
        "bootstrap resamples of it in which the definition holds. They judge this way of choosing thresholds with "
        "half the data; the thresholds printed are tuned on all. (Adding up the parts of a cross-validation would "
        "use the rows better, but there the errors of tuning and judging cancel, and the range comes out too "
        "small.)",
    ),
    (
        "Slices",
        "A slice is a conjunction of levels of columns. Its score is α((e/s)/(E/n) − 1) − (1 − α)(n/s − 1), with s "
        "of n rows, e of the summed error E [10]; only slices with enough rows and a score above 0 count. The "
        "search is exact over all conjunctions: a branch is left out only when a bound shows that nothing below it "
        "can be among the best. Numbers are cut where the bins tell most about the outcome [11]; names keep their "
        "levels, rare ones pooled. Slices that hold nearly the same people (Jaccard index above 0.8) are folded "
        "under the best of them.",
    ),
    (
        "Found on some rows, tested on others",
        "The worst of many slices look worse than they are. So bins, search and folding use one part of the rows, "
        "and each slice is tested on the other: its excess is its mean error less that of all held-out rows. "
        "Errors of 0 and 1 have the interval of Clopper and Pearson [12], others Student's on Hall's "
        "transformation [13]; the difference is taken as in [4]. Confirmed: the interval at Holm's step [14] over "
        "all slices of the table lies above 0. Where no slice were worse than the average, at most one search in "
        "twenty would confirm any. With row weights n is Kish's effective size.",
    ),
    (
        "From events to outcomes",
        "All offences of one person on one day are one appearance, told by its primary offence; the others count "
        "in the history. A return is a later appearance, after the release where there is one. It counts within N "
        "years up to the same calendar day N years on. Whoever was not watched for so long is left out of that "
        "outcome, returned or not: to keep the returns among them would count early failures only. History counts "
        "the day itself and what was before, never what came later. The diversity index is 1 − Σp² over the shares "
        "p of the offence classes. The share returned by a time is Kaplan and Meier's [15], with Greenwood's "
        "variance on the log-log scale.",
    ),
    (
        "Models",
        "Each model is judged on people it was not trained on: with folds, every person is scored once by a model "
        "that did not see them (all rows of a person are in one fold); parameters are searched at random on inner "
        "folds of the training part alone, by AUC; with one split 70 % train and 30 % judge. The AUC is the mean "
        "over folds, its interval built from the variance in each [16], where people, not rows, are independent "
        "[17]. Recall, precision and specificity are at the threshold with most recall at a precision of 0.85, "
        "else most precision, chosen on the other folds. Row weights are not used in training. Reweighing [18] and "
        "exponentiated gradient [19] take the protected attribute into account while they are trained. Importance "
        "is the AUC lost on held-out people when a column is shuffled [20]; marginal effects are means over people "
        "of the derivative, or of the difference that a level makes, of a logit's probability.",
    ),
    (
        "Counterfactual pairs",
        "A profile is cloned for every combination of protected values, and the model is asked about each clone "
        "[21]; nothing else differs. A flip is a pair with two decisions. Rates have Wilson's interval, at n "
        "divided by the design effect where a person stands behind several pairs; the mean gap Student's, with "
        "people as clusters. p is McNemar's, exact: of the people whose pairs differ, as many one way as the other "
        "[22], with Holm's correction over the table's pairs [14]. All are about people drawn as the profiles "
        "were. The largest gap is that of these profiles; at most a share 1 − 0.05^(1/n) of such profiles has a "
        "larger one. Profiles between real rows: a random row, moved a random part of the way to the most alike of "
        "five others with the same values in all but its numbers of more than ten values. The curve is the mean "
        "score of up to 200 profiles when one feature alone takes each value [23].",
    ),
    (
        "Synthetic copies",
        "The people are dealt into two halves: copies are made from the first (train), and the second (holdout) "
        "says what people score who are like them and were never seen. Distances are Euclidean, numbers on 0 to 1 "
        "by train and a category that differs 1. Nearer to train: the share of a copy's records whose nearest of "
        "both halves is in train, ties one half; its interval is Wilson's at the effective number of records from "
        "the variance over the people of both halves, as several records have one nearest person; bounds of groups "
        "are simultaneous (Bonferroni). Singling out, linkability and inference are tried on train, on the holdout "
        "and by guessing [24]; the risk is what is gained beyond the holdout, (r − c)/(1 − c), with the interval "
        "of [6] for the ratio (1 − r)/(1 − c). Membership by the loss: the AUC with which a low log loss tells "
        "train from holdout [25]. Use: a model with its usual parameters trained on the copy, judged on the "
        "holdout. CTGAN is [26], the Gaussian copula [27], SMOTE [28]. Linkage adds up similarities of fields "
        "within a key; a record's true place is that of the real record nearest to it.",
    ),
    (
        "Sentences",
        "A deviation is the sentence given less that of the guidelines, or the midpoint of their range, in months. "
        "Counted are sentences whose disposition says prison, neither of the two being life. Means have Student's "
        "interval, shares Wilson's [1], differences of two means Welch's [30]. Like cases, by regression: least "
        "squares of the deviation on the group and on charge, level, history and district as categories, with the "
        "covariance HC3 [29]; where a single sentence decides the difference none is given. Like cases, matched: "
        "the difference of means within each cell of sentences alike in all of these, weighted by the group's "
        "sentences in it; cells without both groups are left out; the variance is that within cells, and between "
        "them where a side has fewer than four sentences [31]. The two weigh cases otherwise, and differ where the "
        "difference is not the same in all. They disagree when they say opposite things, or when each estimate "
        "lies outside the other's interval. Bounds of several groups hold at once (Bonferroni). The change over "
        "the years is the product of group and year, with the years as further categories.",
    ),
    (
        "Small numbers",
        "Groups with fewer rows than the smallest group compared, and measures with a denominator under ten, are "
        "listed and left out of comparisons. In a published report cells below the stated limit are withheld, and "
        "with them any figure from which they follow by adding and subtracting what is published. Each result is "
        "protected by itself: two results of the same table at nearby cut-points can together show a small count.",
    ),
    (
        "What this cannot say",
        "The outcome is what was recorded. If one group is policed more, its recorded outcomes are higher at the same "
        "conduct, and every measure here inherits that. A verdict is about these data, this score and this cut-point; "
        "it does not say why groups differ, nor which measure ought to be equal.",
    ),
)

REFERENCES: tuple[str, ...] = (
    "Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. JASA 22, 209–212.",
    "DeLong, E. R., DeLong, D. M., Clarke-Pearson, D. L. (1988). Comparing the areas under two or more correlated "
    "receiver operating characteristic curves. Biometrics 44, 837–845.",
    "Newcombe, R. G. (1998). Interval estimation for the difference between independent proportions. Statistics in "
    "Medicine 17, 873–890.",
    "Zou, G. Y., Donner, A. (2008). Construction of confidence limits about effect measures. Statistics in "
    "Medicine 27, 1693–1702.",
    "Westfall, P. H., Young, S. S. (1993). Resampling-Based Multiple Testing. Wiley.",
    "Donner, A., Zou, G. Y. (2012). Closed-form confidence intervals for functions of the normal mean and standard "
    "deviation. Statistical Methods in Medical Research 21, 347–359.",
    "Uniform Guidelines on Employee Selection Procedures, 29 CFR 1607.4 D (1978).",
    "The fairness scale for forecasting recidivism (2025). doi:10.1007/s00521-025-11478-x, sections 2.2, 3.6 and 3.7.",
    "Hardt, M., Price, E., Srebro, N. (2016). Equality of opportunity in supervised learning. NeurIPS 29, 3315–3323.",
    "Sagadeeva, S., Boehm, M. (2021). SliceLine: fast, linear-algebra-based slice finding for ML model debugging. "
    "SIGMOD, 2290–2299.",
    "Navas-Palencia, G. (2020). Optimal binning: mathematical programming formulation. arXiv:2001.08025.",
    "Clopper, C. J., Pearson, E. S. (1934). The use of confidence or fiducial limits illustrated in the case of "
    "the binomial. Biometrika 26, 404–413.",
    "Hall, P. (1992). On the removal of skewness by transformation. Journal of the Royal Statistical Society B 54, "
    "221–228.",
    "Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian Journal of Statistics "
    "6, 65–70.",
    "Kaplan, E. L., Meier, P. (1958). Nonparametric estimation from incomplete observations. JASA 53, 457–481.",
    "LeDell, E., Petersen, M., van der Laan, M. (2015). Computationally efficient confidence intervals for "
    "cross-validated area under the ROC curve estimates. Electronic Journal of Statistics 9, 1583–1607.",
    "Obuchowski, N. A. (1997). Nonparametric analysis of clustered ROC curve data. Biometrics 53, 567–578.",
    "Kamiran, F., Calders, T. (2012). Data preprocessing techniques for classification without discrimination. "
    "Knowledge and Information Systems 33, 1–33.",
    "Agarwal, A., Beygelzimer, A., Dudík, M., Langford, J., Wallach, H. (2018). A reductions approach to fair "
    "classification. ICML 35, 60–69.",
    "Breiman, L. (2001). Random forests. Machine Learning 45, 5–32.",
    "Galhotra, S., Brun, Y., Meliou, A. (2017). Fairness testing: testing software for discrimination. ESEC/FSE, "
    "498–510.",
    "McNemar, Q. (1947). Note on the sampling error of the difference between correlated proportions or "
    "percentages. Psychometrika 12, 153–157.",
    "Friedman, J. H. (2001). Greedy function approximation: a gradient boosting machine. Annals of Statistics 29, "
    "1189–1232.",
    "Giomi, M., Boenisch, F., Wehmeyer, C., Tasnádi, B. (2023). A unified framework for quantifying privacy risk "
    "in synthetic data. PoPETs 2023(2), 312–328 (arXiv:2211.10459).",
    "Yeom, S., Giacomelli, I., Fredrikson, M., Jha, S. (2018). Privacy risk in machine learning: analyzing the "
    "connection to overfitting. IEEE CSF, 268–282.",
    "Xu, L., Skoularidou, M., Cuesta-Infante, A., Veeramachaneni, K. (2019). Modeling tabular data using "
    "conditional GAN. NeurIPS 32 (arXiv:1907.00503).",
    "Patki, N., Wedge, R., Veeramachaneni, K. (2016). The synthetic data vault. IEEE DSAA, 399–410.",
    "Chawla, N. V., Bowyer, K. W., Hall, L. O., Kegelmeyer, W. P. (2002). SMOTE: synthetic minority over-sampling "
    "technique. JAIR 16, 321–357.",
    "MacKinnon, J. G., White, H. (1985). Some heteroskedasticity-consistent covariance matrix estimators with "
    "improved finite sample properties. Journal of Econometrics 29, 305–325.",
    "Welch, B. L. (1947). The generalization of Student's problem when several different population variances are "
    "involved. Biometrika 34, 28–35.",
    "Pashley, N. E., Miratrix, L. W. (2021). Insights on variance estimation for blocked and matched pairs "
    "designs. Journal of Educational and Behavioral Statistics 46, 271–296.",
)
