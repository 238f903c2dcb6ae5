# What is done often; each line is plain cargo.
test:
    cargo test --workspace
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
score:
    cargo build --release
    python3 .ci/score ../shared/bin/score target/release/why500
ci:
    bash .ci/run
