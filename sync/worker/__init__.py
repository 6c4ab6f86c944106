"""One worker per destination: claims deliveries, carries them, writes what became of them."""
