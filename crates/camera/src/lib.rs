//! A leaf device: sends pictures from a folder, or rendered ones whose truth is known.
