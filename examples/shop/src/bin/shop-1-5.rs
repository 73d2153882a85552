//! The shop, version 1.5.

fn main() -> anyhow::Result<()> {
    shop::server::run(&shop::versions::v1_5::VERSION)
}
