"""What the commands do with stored accounts at Haier: which one serves, what `relay config` reads and shows."""
