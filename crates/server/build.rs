//! Says how the console is made, where it is to be embedded and is not there.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_CONSOLE").is_none() {
        return;
    }
    println!("cargo::rerun-if-changed=../../web/dist");
    if !std::path::Path::new("../../web/dist/index.html").is_file() {
        println!(
            "cargo::error=the feature `console` embeds web/dist, which is not there; make it with: ./x web (Node 20.19 or newer)"
        );
        println!("cargo::error=a build without the feature `console` needs no Node: the server then has its API alone");
    }
}
