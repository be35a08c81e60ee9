"""Networks, and the bundles that hold their weights."""
