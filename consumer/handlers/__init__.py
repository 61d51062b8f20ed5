"""What each event means; reaches the world through `consumer.domain.ports` only."""
