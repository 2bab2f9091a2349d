//! One integration crate; each file below is a part of it.

mod inventory;
