//! A lumbar spine made of arithmetic: ground truth for tests, demo, commissioning and daily checks.
