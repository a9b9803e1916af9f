"""What a change is: its keys, its hunks, where a quote stands in it, and how much of it fits a budget. Data in, data out."""
