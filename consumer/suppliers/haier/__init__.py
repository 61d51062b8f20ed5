"""Haier: goods, prices, stock, logistics, balance."""
