//! Two endpoints over a line in virtual time.

mod bad_input;
mod closing;
mod line;
mod memory;
mod moving;
mod numbering;
mod opening;
mod packet_size;
mod resending;
