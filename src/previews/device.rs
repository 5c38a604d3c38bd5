//! What previews are shown on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "PreviewPlatform")]
pub enum Platform {
    Ios,
    Android,
    Ipad,
}

macro_rules! devices {
    ($($device:ident $name:literal $platform:ident $width:literal $height:literal $scale:literal;)*) => {
        /// A phone or a tablet.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[schemars(rename = "PreviewDevice")]
        pub enum Device { $(#[serde(rename = $name)] $device),* }

        impl Device {
            const ALL: &[Device] = &[$(Device::$device),*];

            pub const fn name(self) -> &'static str {
                match self { $(Device::$device => $name),* }
            }

            pub const fn platform(self) -> Platform {
                match self { $(Device::$device => Platform::$platform),* }
            }

            pub const fn screen(self) -> Screen {
                match self {
                    $(Device::$device => Screen { name: $name, width: $width, height: $height, scale: $scale, mobile: true }),*
                }
            }
        }
    };
}

// Of each platform the first one is the usual one.
devices! {
    Iphone15      "iphone-15"         Ios     393  852 3.0;
    IphoneSe      "iphone-se"         Ios     375  667 2.0;
    Iphone15Max   "iphone-15-pro-max" Ios     430  932 3.0;
    Pixel8        "pixel-8"           Android 412  915 2.625;
    GalaxyS24     "galaxy-s24"        Android 360  780 3.0;
    GalaxyTab     "galaxy-tab-s9"     Android 800 1280 2.0;
    Ipad          "ipad"              Ipad    820 1180 2.0;
    IpadMini      "ipad-mini"         Ipad    744 1133 2.0;
    IpadPro       "ipad-pro-13"       Ipad   1032 1376 2.0;
}

/// What a worker must know of a device: points, and pixels to each.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct Screen {
    #[schemars(example = &"iphone-15")]
    pub name: &'static str,
    #[schemars(example = 393)]
    pub width: u32,
    #[schemars(example = 852)]
    pub height: u32,
    #[schemars(example = 3.0)]
    pub scale: f64,
    pub mobile: bool,
}

impl Device {
    pub fn usual(platform: Platform) -> Device {
        Device::ALL.iter().copied().find(|device| device.platform() == platform).unwrap_or(Device::Iphone15)
    }

    /// Whose picture a file of this name is: `iphone-15.png`, or `iphone-15-2.png` for what is further down.
    pub fn of_picture(name: &str) -> Option<Device> {
        let stem = name.strip_suffix(".png")?;
        let is_it = |device: &&Device| {
            stem.strip_prefix(device.name()).is_some_and(|rest| {
                rest.is_empty()
                    || rest
                        .strip_prefix('-')
                        .and_then(|n| n.parse().ok())
                        .is_some_and(|n: u16| (1..=999).contains(&n) && rest.len() == n.to_string().len() + 1)
            })
        };
        // Of names that begin alike the longest is meant.
        Device::ALL.iter().filter(is_it).max_by_key(|device| device.name().len()).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_named_after_its_device() {
        for device in Device::ALL {
            for name in [format!("{}.png", device.name()), format!("{}-12.png", device.name())] {
                assert_eq!(Device::of_picture(&name), Some(*device), "{name}");
            }
        }
        for none in [
            "",
            "layout.json",
            "iphone.png",
            "iphone-15-.png",
            "iphone-15-02.png",
            "iphone-15-x.png",
            "../ipad.png",
            "ipad.PNG",
        ] {
            assert_eq!(Device::of_picture(none), None, "{none}");
        }
    }
}
