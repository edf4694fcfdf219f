"""Pure numpy functions: arrays in, numbers out.

Scikit-learn, scipy and statsmodels are their oracles in the tests.
"""
