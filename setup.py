"""What pyproject.toml cannot say: app.py, the pages and the samples lie at the top here, and in the package once
installed.
"""

from setuptools import find_packages, setup

setup(
    script_name="setup.py",  # else this file would be taken for one of those at the top
    packages=[*find_packages(include=["recidiv_core*"]), "recidiv_core.shipped"],
    package_dir={"recidiv_core.shipped": "."},
)
