//! The shop, version 1.6.

fn main() -> anyhow::Result<()> {
    shop::server::run(&shop::versions::v1_6::VERSION)
}
