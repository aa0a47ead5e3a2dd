//! Generates the messages and the client from the proto file, without a protoc on the machine.

use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true).open_files(["broker.proto"])?;
    let service = compiler.file_descriptor_set();

    // Whole, with comments, imports and the details of errors: what reflection answers.
    compiler.open_file("google/rpc/error_details.proto")?;
    let descriptors = PathBuf::from(env::var("OUT_DIR")?).join("descriptors.bin");
    fs::write(descriptors, compiler.encode_file_descriptor_set())?;

    tonic_prost_build::configure()
        .build_server(false)
        .build_transport(false)
        .bytes(".")
        .btree_map(".")
        .extern_path(".google.rpc.Status", "::tonic_types::Status")
        .compile_fds(service)?;
    Ok(())
}
