//! The fuzzer, where it is compiled as one (`npm run fuzz`). Else a program that writes the seeds into a folder.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| layernorm_fuzz::check(bytes));

#[cfg(not(fuzzing))]
fn main() -> std::io::Result<()> {
    let folder = std::path::PathBuf::from(std::env::args().nth(1).expect("a folder for the seeds"));
    std::fs::create_dir_all(&folder)?;
    for (name, bytes) in layernorm_fuzz::seeds::seeds() {
        std::fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}
