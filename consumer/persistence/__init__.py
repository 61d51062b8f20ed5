"""The database room: tables, migrations, and the store that reads and writes them in batches. SQL lives nowhere else."""
