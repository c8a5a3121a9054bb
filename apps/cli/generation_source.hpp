// A model opened for generation: on the processor or a CUDA device, with what `lacuna tune` has found out about it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli.hpp"
#include "lacuna/bench/tuned_forms.hpp"
#include "lacuna/model/generate.hpp"

namespace lacuna::cli {

struct SourceRequest {
  std::string device = "cpu";
  Compute compute = Compute::f32;
  std::vector<InputThreshold> thresholds;  // none: everything is read
  SparsityOf sparsity_of;                  // of them
  bool use_tuning = true;
};

// What was taken from the tuner's cache. Without a cache, and where it says what is done anyway, all are 0.
struct TuningTaken {
  std::int64_t expanded = 0;    // packed linears that are multiplied as dense ones
  std::int64_t read_whole = 0;  // thresholded linears that read every column
  std::int64_t configured = 0;  // products on the device whose launch was chosen
};

struct OpenedSource {
  std::unique_ptr<LogitSource> source;
  Conversion converted;  // weights that were expanded, stored by columns, or brought to the device
  TuningTaken tuning;
};

// Errors: invalid_argument, for device "cuda" in a build without CUDA and where there is no device; those of
// model/generate.hpp and model/device_decoder.hpp. A cache that cannot be read is said and counts as none.
OpenedSource open_source(const Decoder& decoder, const SourceRequest& request, const Session& session);

}  // namespace lacuna::cli
