"""`relay doctor`: what is wrong on this machine or in this set-up, each finding with its cure."""
