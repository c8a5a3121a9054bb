// Any bytes as a study file: an Error that names the file, or a study whose every part the run can rely on.
#include <algorithm>
#include <cstdlib>

#include "lacuna/core/error.hpp"
#include "lacuna/study/study_file.hpp"
#include "memory_file.hpp"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void check_study(const lacuna::Study& study) {
  require(!study.models.empty() && !study.methods.empty() && !study.targets.empty());
  for (const auto& target : study.targets)
    require(target.sparsity >= 0.0 && target.sparsity < 1.0 && target.n <= target.m);
  for (const auto& evaluation : study.evaluations) {
    require(evaluation.seqlen >= 2 && study.text(evaluation.text).name == evaluation.text);
  }
  for (const auto& text : study.texts) require(text.file.empty() == (text.sequences > 0));
  require(study.calibration.samples > 0 && study.calibration.seqlen > 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const lacuna::fuzz::MemoryFile file(data, size);
  try {
    check_study(lacuna::read_study(file.path()));
  } catch (const lacuna::Error& error) {
    require(error.path() == file.path());
    require(error.code() == lacuna::ErrorCode::bad_study_file || error.code() == lacuna::ErrorCode::bad_pattern);
  }
  return 0;
}
