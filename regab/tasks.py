"""What a data set asks a model for: one of some classes, or a number."""

# What is measured of each on training, validation and test data.
MEASURES = {"classification": ("loss", "accuracy"), "regression": ("loss", "rmse", "r2")}
