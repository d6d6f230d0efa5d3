//! The command `devstate`. All of it is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    devstate_cli::main()
}
