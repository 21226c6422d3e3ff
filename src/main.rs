//! Arguments in, exit code out.

fn main() -> std::process::ExitCode {
    deepspine::cli::main()
}
