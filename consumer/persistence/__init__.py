"""The database room: tables, migrations, and the store that reads and writes in batches. SQL lives nowhere else."""
