"""What people are told about dead letters: the faces of `consumer.deadletters`."""
