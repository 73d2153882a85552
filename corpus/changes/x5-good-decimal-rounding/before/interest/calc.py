def interest(principal, rate_percent, days):
    """Simple interest, act/365, as a float."""
    return round(principal * rate_percent / 100 * days / 365, 2)
