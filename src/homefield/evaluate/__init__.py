"""Numbers from outputs: metrics, intervals, calibration, significance, baselines, report. Knows no model."""
