"""What puts events on the broker and listens for results; an order system imports this and what it rests on."""
