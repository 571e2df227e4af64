//! 64 bytes at a time to class masks: the only home of `unsafe`.
