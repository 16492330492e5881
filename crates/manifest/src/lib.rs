//! IoT Edge deployment documents: template to manifest.
