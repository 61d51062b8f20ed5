"""YLH: the order's life."""
