"""Pure numpy functions: arrays in, numbers out. scikit-learn, scipy and statsmodels are their
oracles in the tests.
"""
