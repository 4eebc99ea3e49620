//! Finds the C libraries of the enabled features. If a library is missing, the error names the
//! package to install.

#[cfg(feature = "system")]
mod libraries {
    /// A system library.
    struct Library {
        feature: &'static str,
        /// pkg-config name.
        name: &'static str,
        /// Debian package.
        package: &'static str,
        /// Versions whose interface `src` declares: from this one (inclusive) to that one
        /// (exclusive).
        from: &'static str,
        below: &'static str,
    }

    const LIBRARIES: [Library; 4] = [
        Library {
            feature: "libvpx",
            name: "vpx",
            package: "libvpx-dev",
            from: "1.8.0",
            below: "1.18.0",
        },
        Library {
            feature: "libopus",
            name: "opus",
            package: "libopus-dev",
            from: "1.3",
            below: "2",
        },
        Library {
            feature: "dav1d",
            name: "dav1d",
            package: "libdav1d-dev",
            from: "1.0.0",
            below: "2",
        },
        Library {
            feature: "openh264",
            name: "openh264",
            package: "libopenh264-dev",
            from: "2.3.0",
            below: "2.7.0",
        },
    ];

    fn wanted(feature: &str) -> bool {
        match feature {
            "libvpx" => cfg!(feature = "libvpx"),
            "libopus" => cfg!(feature = "libopus"),
            "dav1d" => cfg!(feature = "dav1d"),
            _ => cfg!(feature = "openh264"),
        }
    }

    /// Prints one error for each library that is missing or has another interface.
    pub(super) fn link() {
        for library in LIBRARIES.iter().filter(|library| wanted(library.feature)) {
            let Library { feature, name, package, from, below } = library;
            let found = pkg_config::Config::new()
                .range_version(*from..*below)
                .env_metadata(true)
                .probe(name);
            if let Err(error) = found {
                let why = match error {
                    pkg_config::Error::Failure { .. } | pkg_config::Error::ProbeFailure { .. } => {
                        "pkg-config does not find it".to_owned()
                    }
                    pkg_config::Error::Command { .. } => "pkg-config is not installed".to_owned(),
                    other => other.to_string(),
                };
                println!(
                    "cargo::error=feature `{feature}` needs the library {name}, version {from} or \
                     later and below {below}, but {why}: install pkg-config and {package} (names of \
                     Debian packages), or build without the feature"
                );
            }
        }
    }
}

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "system")]
    libraries::link();
}
