//! The shop, version 1.0.

fn main() -> anyhow::Result<()> {
    shop::server::run(&shop::versions::v1_0::VERSION)
}
