"""From one drawing, others of its kind, as a pen draws them: no learning and no torch."""
