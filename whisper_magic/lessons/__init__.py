"""What the lessons compute: formulas, sampling rules, measurements and exercises. The notebook draws them."""
