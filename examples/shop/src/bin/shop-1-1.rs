//! The shop, version 1.1.

fn main() -> anyhow::Result<()> {
    shop::server::run(&shop::versions::v1_1::VERSION)
}
