// Any bytes as an activation profile: an Error that names the file, or a profile whose thresholds every rule can take.
#include <cmath>
#include <cstdlib>

#include "lacuna/core/error.hpp"
#include "lacuna/study/analyses/activation_file.hpp"
#include "lacuna/study/analyses/activation_run.hpp"
#include "memory_file.hpp"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void check_profile(const lacuna::ActivationProfile& profile) {
  for (const double target : profile.targets) {
    for (const auto rule :
         {lacuna::ThresholdRule::quantile, lacuna::ThresholdRule::teal, lacuna::ThresholdRule::greedy}) {
      if (rule == lacuna::ThresholdRule::greedy && profile.allocations.empty()) continue;
      for (const auto& threshold : lacuna::profile_thresholds(profile, target, rule))
        require(std::isfinite(threshold.threshold) && threshold.threshold >= 0.0F);
    }
  }
  const auto text = lacuna::activation_profile_json(profile);  // what was read can be written, and read again
  const lacuna::fuzz::MemoryFile again(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  require(lacuna::activation_profile_json(lacuna::read_activation_profile(again.path())) == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const lacuna::fuzz::MemoryFile file(data, size);
  lacuna::ActivationProfile profile;
  try {
    profile = lacuna::read_activation_profile(file.path());
  } catch (const lacuna::Error& error) {
    require(error.path() == file.path());
    require(error.code() == lacuna::ErrorCode::corrupt_file || error.code() == lacuna::ErrorCode::unsupported_format);
    return 0;
  }
  check_profile(profile);
  return 0;
}
