//! Output: one file for each form.
