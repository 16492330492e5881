# Sourced: what the machine that the image is for is called by each tool. TARGETARCH comes from the
# builder; one that does not tell builds for its own machine.

case "${TARGETARCH:-$(dpkg --print-architecture)}" in
    amd64)
        DEBIAN_ARCH=amd64
        TRIPLE=x86_64-unknown-linux-gnu
        MULTIARCH=x86_64-linux-gnu
        CROSS='gcc-x86-64-linux-gnu libc6-dev-amd64-cross'
        WHEEL=manylinux_2_28_x86_64
        LOADER=lib64/ld-linux-x86-64.so.2
        MACHINE='Advanced Micro Devices X86-64'
        ;;
    arm64)
        DEBIAN_ARCH=arm64
        TRIPLE=aarch64-unknown-linux-gnu
        MULTIARCH=aarch64-linux-gnu
        CROSS='gcc-aarch64-linux-gnu libc6-dev-arm64-cross'
        WHEEL=manylinux_2_28_aarch64
        LOADER=lib/ld-linux-aarch64.so.1
        MACHINE=AArch64
        ;;
    arm | armhf | armel)
        echo 'error: ONNX Runtime has no library for 32-bit ARM; build for arm64 (arm64v8), and on a' \
            'Raspberry Pi 3 or newer install a 64-bit system' >&2
        exit 1
        ;;
    *)
        echo "error: no ONNX Runtime library is known for ${TARGETARCH:-this machine}; amd64 and arm64 have one" >&2
        exit 1
        ;;
esac
