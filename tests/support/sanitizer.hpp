// Whether this program was built with the address sanitizer, under which the same work takes several times as long and
// every allocation carries a red zone: bounds on time and memory that hold in a release are wider here.
#pragma once

namespace lacuna::test {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace lacuna::test
