//! Taking over from the Go controller: its objects unchanged, its plans at every task.

mod initializing;
mod running;
mod tls;
