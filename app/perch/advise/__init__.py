"""Before a GPU-hour is spent: which strategy with which settings, and what the budget buys."""
