#include "generation_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>

#include "device_argument.hpp"
#include "lacuna/core/error.hpp"
#ifdef LACUNA_HAS_CUDA
#include "lacuna/bench/device_tuner.hpp"
#include "lacuna/model/device_decoder.hpp"
#include "lacuna/model/device_layers.hpp"
#endif

namespace lacuna::cli {
namespace {

TuningCache known_forms(const SourceRequest& request, const Session& session) {
  if (!request.use_tuning) return {};
  try {
    TuningCache cache = TuningCache::open(default_tuning_file());
    if (const auto& damage = cache.damage()) {
      session.note(fmt::format("{} is damaged ({}) and counts as empty", cache.file().string(), *damage));
    }
    return cache;
  } catch (const Error& error) {
    session.note(fmt::format("tuning cache: {}; going on without", error.what()));
    return {};
  }
}

void note_taken(const TuningTaken& taken, const TuningCache& cache, const Session& session) {
  std::string text;
  const auto add = [&](std::int64_t count, const char* what) {
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, what);
  };
  add(taken.expanded, "packed matrices expanded, as dense rows or columns are faster here");
  add(taken.read_whole, "matrices read whole, as skipping columns is no faster here");
  add(taken.configured, "products launched as measured");
  if (!text.empty()) session.note(fmt::format("from {} (--no-tuning ignores it): {}", cache.file().string(), text));
}

OpenedSource open_on_processor(const Decoder& decoder, const SourceRequest& request, const Session& session) {
  const TuningCache cache = request.compute == Compute::f32 ? known_forms(request, session) : TuningCache();
  const TunedForms tuned(cache, cpu_tuning_device());
  OpenedSource opened;
  auto generator = std::make_unique<Generator>(decoder, request.compute);
  const auto has_threshold = [&](std::int64_t layer, const std::string& component) {
    return std::any_of(request.thresholds.begin(), request.thresholds.end(),
                       [&](const auto& t) { return t.layer == layer && t.component == component; });
  };
  const auto expand = [&](const LayerWeights& layer, const Linear& linear) {
    const std::string& component = linear.spec.component;
    return has_threshold(layer.index, component)
               ? tuned.dense_is_faster(linear, request.sparsity_of(layer.index, component))
               : tuned.dense_is_faster(linear);
  };
  const auto by_columns = [&](const LayerWeights& layer, const Linear& linear) {
    const bool whole = tuned.reads_all_columns(layer, linear, request.sparsity_of);
    opened.tuning.read_whole += whole ? 1 : 0;
    return !whole;
  };
  opened.converted = generator->expand_packed(expand, session.context());
  opened.tuning.expanded = opened.converted.linears;
  const auto add = [&](const Conversion& more) {
    opened.converted.linears += more.linears;
    opened.converted.bytes += more.bytes;
  };
  if (!request.thresholds.empty()) add(generator->set_thresholds(request.thresholds, session.context(), by_columns));
  add(generator->slice_rows(session.context()));
  session.finish_progress();
  note_taken(opened.tuning, cache, session);
  opened.source = std::move(generator);
  return opened;
}

#ifdef LACUNA_HAS_CUDA
// The thresholds of linears that share an input, where all have the same.
std::optional<float> common_threshold(const SourceRequest& request, std::int64_t layer,
                                      std::span<const Linear* const> linears) {
  std::optional<float> common;
  for (const Linear* linear : linears) {
    const auto found = std::find_if(request.thresholds.begin(), request.thresholds.end(), [&](const auto& t) {
      return t.layer == layer && t.component == linear->spec.component;
    });
    if (found == request.thresholds.end() || (common && *common != found->threshold)) return std::nullopt;
    common = found->threshold;
  }
  return common;
}

void note_forms(const DeviceWeights& weights, const Session& session) {
  std::int64_t packed = 0;
  for (const DeviceLayer& layer : weights.layers) {
    for (const DeviceProduct* product : {&layer.qkv, &layer.output, &layer.gate_up, &layer.down}) {
      packed += product->form() == "columns" ? 0 : 1;
    }
  }
  const auto all = static_cast<std::int64_t>(weights.layers.size()) * kInputGroups;
  session.note(
      fmt::format("of {} products {} stay packed and are read whole, inputs below their threshold counting as "
                  "0; {} become dense columns, of which those inputs' are not read: whichever is faster",
                  all, packed, all - packed));
}

OpenedSource open_on_cuda(const Decoder& decoder, const SourceRequest& request, const Session& session) {
  require_cuda();
  DeviceLoadOptions options;
  options.columns = !request.thresholds.empty();
  options.keep_packed = [&](std::int64_t layer, std::span<const Linear* const> linears) {
    return common_threshold(request, layer, linears) &&
           packed_outruns_columns(linears, request.sparsity_of(layer, linears.front()->spec.component));
  };
  DeviceWeights weights = load_device_weights(decoder, options, session.context());
  if (options.columns && !decoder.packed().empty()) note_forms(weights, session);
  OpenedSource opened;
  opened.converted = {static_cast<std::int64_t>(weights.layers.size()) * kInputGroups, weights.step_bytes()};
  if (options.columns && !steps_in_one_launch(weights)) {
    const TuningCache cache = known_forms(request, session);
    const TunedForms tuned(cache, cuda_tuning_device());
    opened.tuning.configured = set_tuned_options(weights, tuned, request.sparsity_of);
    note_taken(opened.tuning, cache, session);
  }
  auto source = std::make_unique<DeviceDecoder>(std::move(weights));
  session.finish_progress();
  source->set_thresholds(request.thresholds);
  opened.source = std::move(source);
  return opened;
}
#else
OpenedSource open_on_cuda(const Decoder&, const SourceRequest&, const Session&) {
  require_cuda();
  return {};
}
#endif

}  // namespace

OpenedSource open_source(const Decoder& decoder, const SourceRequest& request, const Session& session) {
  return request.device == "cuda" ? open_on_cuda(decoder, request, session)
                                  : open_on_processor(decoder, request, session);
}

}  // namespace lacuna::cli
