# Estimated marginal means, contrasts and trends of R's emmeans -> emmeans.json, emmeans.txt
# Rscript emmeans.R
source("models.R"); suppressMessages(library(emmeans)); options(width = 100)
emm_options(lmer.df = "satterthwaite")
clean <- function(e) {
  s <- as.data.frame(e); num <- sapply(s, is.numeric)
  s[!num] <- lapply(s[!num], as.character); as.list(s)
}
rows <- function(d) { f <- sapply(d, is.factor); d[f] <- lapply(d[f], as.character); as.list(d) }
data(pigs, package = "emmeans"); data(fiber, package = "emmeans")
FRAMES <- list(pigs = pigs, fiber = fiber, warpbreaks = warpbreaks,
               holes = subset(warpbreaks, !(wool == "A" & tension == "H")))
LEVELS <- list(source = levels(pigs$source), machine = levels(fiber$machine), wool = levels(warpbreaks$wool), tension = levels(warpbreaks$tension))
LM <- list(pigs = c("pigs", "log(conc) ~ source + factor(percent)"), pigs_slopes = c("pigs", "conc ~ source*percent"),
  pigs_sqrt = c("pigs", "sqrt(conc) ~ source + factor(percent)"), pigs_log10 = c("pigs", "log10(conc) ~ source + percent"),
  fiber = c("fiber", "strength ~ diameter*machine"), warp = c("warpbreaks", "breaks ~ wool*tension"),
  holes = c("holes", "breaks ~ wool*tension"))
LMER <- list(oats = c("Oats", "yield ~ Variety + factor(nitro) + (1 | Block/Variety)"),
  machines = c("Machines", "score ~ Machine + (Machine | Worker)"),
  cake = c("cake", "angle ~ recipe*temp + (1 | recipe:replicate)"),
  sleepstudy = c("sleepstudy", "Reaction ~ Days + (Days | Subject)"))
M <- lapply(LM, function(s) { dat <- FRAMES[[s[1]]]; lm(as.formula(s[2]), data = dat) })
for (n in names(LM)) M[[n]]$call$formula <- as.formula(LM[[n]][2])
for (n in names(LM)) { M[[n]]$call$data <- FRAMES[[LM[[n]][1]]] }
for (n in names(LMER)) { dat <- rd(LMER[[n]][1])
  if (n == "oats") dat <- dat[-c(1, 2, 3, 5, 8, 13, 21, 34, 55), ]
  name <- paste0("data_", n); assign(name, dat)
  M[[n]] <- eval(bquote(lmerTest::lmer(.(as.formula(LMER[[n]][2])), data = .(as.name(name)), control = TIGHT))) }
E <- function(m, ...) suppressMessages(emmeans(M[[m]], ...))
P <- list(); out <- list()
add <- function(name, model, call, e) { out[[name]] <<- list(model = model, call = call, table = clean(e)) ; P[[name]] <<- suppressMessages(capture.output(print(e))) }
add("pigs_source", "pigs", list(specs = "source"), E("pigs", "source"))
add("pigs_percent", "pigs", list(specs = "percent"), E("pigs", "percent"))
add("pigs_response", "pigs", list(specs = "source", type = "response"), E("pigs", "source", type = "response"))
add("pigs_by", "pigs", list(specs = "percent", by = "source"), E("pigs", ~ percent | source))
add("pigs_overall", "pigs", list(specs = "1"), E("pigs", ~ 1))
add("pigs_sqrt", "pigs_sqrt", list(specs = "source", type = "response"), E("pigs_sqrt", "source", type = "response"))
add("pigs_log10", "pigs_log10", list(specs = "source", type = "response"), E("pigs_log10", "source", type = "response"))
add("pigs_at", "pigs_slopes", list(specs = "source", by = "percent", at = list(percent = c(10, 12))), E("pigs_slopes", ~ source | percent, at = list(percent = c(10, 12))))
add("pigs_averaged_at", "pigs_slopes", list(specs = "source", at = list(percent = c(10, 12.5))), E("pigs_slopes", ~ source, at = list(percent = c(10, 12.5))))
add("fiber_machine", "fiber", list(specs = "machine"), E("fiber", "machine"))
add("warp_wool", "warp", list(specs = "wool"), E("warp", "wool"))
add("warp_both", "warp", list(specs = c("wool", "tension")), E("warp", ~ wool * tension))
add("warp_level", "warp", list(specs = "tension", level = 0.9), E("warp", "tension", level = 0.9))
add("holes_both", "holes", list(specs = c("wool", "tension")), E("holes", ~ wool * tension))
add("holes_wool", "holes", list(specs = "wool"), E("holes", "wool"))
for (w in c("proportional", "outer", "cells", "equal")) {
  add(paste0("pigs_w_", w), "pigs", list(specs = "source", weights = w), E("pigs", "source", weights = w))
  add(paste0("oats_w_", w), "oats", list(specs = "nitro", weights = w), E("oats", "nitro", weights = w)) }
add("oats_nitro", "oats", list(specs = "nitro"), E("oats", "nitro"))
add("oats_both", "oats", list(specs = c("nitro", "Variety")), E("oats", ~ nitro * Variety))
add("oats_normal", "oats", list(specs = "nitro", ddf = "normal"), E("oats", "nitro", mode = "asymptotic"))
add("machines", "machines", list(specs = "Machine"), E("machines", "Machine"))
add("cake_recipe", "cake", list(specs = "recipe"), E("cake", "recipe"))
add("sleep_days", "sleepstudy", list(specs = "Days", at = list(Days = c(0, 5, 9))), E("sleepstudy", "Days", at = list(Days = c(0, 5, 9))))
means <- out; out <- list()
con <- function(name, mean, call, e) { out[[name]] <<- list(mean = mean, call = call, table = clean(e)); P[[name]] <<- suppressMessages(capture.output(print(e))) }
EE <- function(n) do.call(E, c(list(means[[n]]$model), lapply(means[[n]]$call[!names(means[[n]]$call) %in% c("ddf")], identity)))
for (n in c("pigs_source", "pigs_percent", "pigs_by", "warp_both", "oats_nitro", "machines", "cake_recipe", "oats_both", "sleep_days"))
  con(paste0(n, ".pairs"), n, list(method = "pairwise"), pairs(EE(n)))
for (a in c("holm", "bonferroni", "none", "sidak", "fdr", "mvt")) con(paste0("warp_both.", a), "warp_both", list(method = "pairwise", adjust = a), pairs(EE("warp_both"), adjust = a))
for (k in c("revpairwise", "poly", "eff", "del.eff", "consec", "mean_chg", "identity", "trt.vs.ctrl", "trt.vs.ctrlk"))
  for (n in c("pigs_percent", "oats_nitro")) {
    a <- if (k %in% c("trt.vs.ctrl", "trt.vs.ctrlk", "consec", "mean_chg")) "mvt" else NULL
    con(paste0(n, ".", k), n, c(list(method = k), if (!is.null(a)) list(adjust = a)), if (is.null(a)) contrast(EE(n), k) else contrast(EE(n), k, adjust = a)) }
con("pigs_response.pairs", "pigs_response", list(method = "pairwise"), pairs(EE("pigs_response")))
con("pigs_sqrt.pairs", "pigs_sqrt", list(method = "pairwise"), pairs(EE("pigs_sqrt")))
con("pigs_log10.pairs", "pigs_log10", list(method = "pairwise"), pairs(EE("pigs_log10")))
con("holes_both.pairs", "holes_both", list(method = "pairwise"), pairs(EE("holes_both")))
con("oats_normal.pairs", "oats_normal", list(method = "pairwise"), pairs(E("oats", "nitro", mode = "asymptotic")))
con("warp_level.weights", "warp_level", list(method = list(lin = c(-1, 0, 1), q = c(1, -2, 1))), contrast(EE("warp_level"), list(lin = c(-1, 0, 1), q = c(1, -2, 1))))
contrasts_ <- out; out <- list(); kept <- P[names(contrasts_)]
con("warp_both.tukey", "warp_both", list(method = "pairwise", adjust = "tukey"), confint(pairs(EE("warp_both"))))
con("oats_nitro.tukey", "oats_nitro", list(method = "pairwise"), confint(pairs(EE("oats_nitro"))))
con("warp_both.holm", "warp_both", list(method = "pairwise", adjust = "holm"), confint(pairs(EE("warp_both"), adjust = "holm")))
con("warp_both.sidak", "warp_both", list(method = "pairwise", adjust = "sidak"), confint(pairs(EE("warp_both"), adjust = "sidak")))
con("warp_both.mvt", "warp_both", list(method = "pairwise", adjust = "mvt"), confint(pairs(EE("warp_both"), adjust = "mvt")))
con("pigs_response.tukey", "pigs_response", list(method = "pairwise"), confint(pairs(EE("pigs_response"))))
intervals <- out; out <- list(); P[paste0("ci:", names(intervals))] <- P[names(intervals)]; P[names(intervals)] <- NULL; P[names(kept)] <- kept
tr <- function(name, model, specs, var, e) { out[[name]] <<- list(model = model, specs = specs, var = var, table = clean(e), pairs = clean(pairs(e))); P[[name]] <<- suppressMessages(capture.output(print(e))) }
tr("pigs_trend", "pigs_slopes", "source", "percent", suppressMessages(emtrends(M$pigs_slopes, "source", var = "percent")))
tr("fiber_trend", "fiber", "machine", "diameter", suppressMessages(emtrends(M$fiber, "machine", var = "diameter")))
tr("cake_trend", "cake", "recipe", "temp", suppressMessages(emtrends(M$cake, "recipe", var = "temp")))
trends <- out
res <- list(frames = lapply(FRAMES, rows), levels = LEVELS, lm = lapply(LM, function(s) list(data = s[1], formula = s[2])),
  lmer = lapply(LMER, function(s) list(data = s[1], formula = s[2])), means = means, contrasts = contrasts_, intervals = intervals, trends = trends)
writeLines(toJSON(res, digits = I(17), auto_unbox = TRUE, na = "null"), "emmeans.json")
writeLines(unlist(lapply(names(P), function(n) c(paste("##", n), P[[n]]))), "emmeans.txt")
