"""The broker: its shape as data, declaring it, connecting to it, and where a broker comes from on a bare machine."""
