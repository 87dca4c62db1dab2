//! Enums that are numbers on the wire.

/// Declares an enum over a kernel number that keeps the values it does not know.
///
/// Each variant has a documentation comment, the kernel's number and the lower-case name that the kernel or its
/// tool uses. The enum converts from and to the number, displays as the name, or as `unknown(93)`, and serialises
/// as it displays.
macro_rules! wire_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident($repr:ty) {
            $( $(#[$vmeta:meta])* $variant:ident = $value:expr => $text:literal, )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $( $(#[$vmeta])* $variant, )+
            /// A number that this version does not know.
            Unknown($repr),
        }

        impl $name {
            /// The kernel's number.
            pub const fn code(self) -> $repr {
                match self {
                    $( Self::$variant => $value, )+
                    Self::Unknown(n) => n,
                }
            }

            /// The name, or nothing for a number that this version does not know.
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $( Self::$variant => Some($text), )+
                    Self::Unknown(_) => None,
                }
            }
        }

        impl From<$repr> for $name {
            #[inline]
            fn from(code: $repr) -> Self {
                $( if code == $value { return Self::$variant; } )+
                Self::Unknown(code)
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                match self.name() {
                    Some(name) => f.pad(name),
                    None => write!(f, "unknown({})", self.code()),
                }
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, s: S) -> ::std::result::Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }
    };
}

pub(crate) use wire_enum;
