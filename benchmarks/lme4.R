# One case with lme4: Rscript lme4.R CASE ENGINE REPS -> one JSON line for each fit.
# ENGINE: lme4 (defaults), lme4tuned (calc.derivs = FALSE: no finite-difference check; for
# generalised models also optimizer = "nloptwrap") or glmmtmb (generalised models).
args <- commandArgs(TRUE)
case <- args[1]; engine <- args[2]; reps <- as.integer(args[3])
suppressMessages(library(lme4))
folder <- Sys.getenv("BENCH_DATA", "benchmarks/data")
read <- function(file, factors) {
  d <- as.data.frame(data.table::fread(file.path(folder, file)))
  for (v in factors) d[[v]] <- factor(d[[v]])
  d
}
exam <- function() { e <- new.env(); data("Exam", package = "mlmRev", envir = e); e$Exam }
cases <- list(
  sleepstudy = list(function() sleepstudy, Reaction ~ Days + (Days | Subject), TRUE),
  penicillin = list(function() Penicillin, diameter ~ 1 + (1 | plate) + (1 | sample), TRUE),
  exam = list(exam, normexam ~ standLRT + (standLRT | school), TRUE),
  insteval2 = list(function() InstEval, y ~ service + (1 | s) + (1 | d), TRUE),
  insteval = list(function() InstEval,
                  y ~ service + (1 | s) + (1 | d) + (1 | dept:service), TRUE),
  insteval_ml = list(function() InstEval,
                     y ~ service + (1 | s) + (1 | d) + (1 | dept:service), FALSE),
  nested1e6 = list(function() read("nested1e6.csv", c("school", "cls")),
                   y ~ x1 + x2 + x3 + (1 + x1 | school) + (1 | cls), TRUE),
  crossed1e6 = list(function() read("crossed1e6.csv", c("a", "b")),
                    y ~ x1 + x2 + (1 | a) + (1 | b), TRUE),
  insteval_summary = list(function() InstEval,
                          y ~ service + (1 | s) + (1 | d) + (1 | dept:service), TRUE),
  maximal20 = list(function() read("maximal20.csv", c("subj", "item")),
                   y ~ A * B + (A * B | subj) + (A * B | item), TRUE),
  pairs = list(function() read("pairs.csv", "g"), y ~ x + (1 | g), TRUE),
  valueadded = list(function() read("valueadded.csv", c("pupil", "teacher")),
                    y ~ year + x + (1 | pupil) + (1 | teacher), TRUE))
herds <- cbind(incidence, size - incidence) ~ period + (1 | herd)
generalised <- list(
  cbpp = list(function() cbpp, herds, binomial, 1),
  cbpp_agq25 = list(function() cbpp, herds, binomial, 25),
  bacteria = list(function() read("bacteria.csv", c("ID", "trt")),
                  y ~ trt + late + (1 | ID), binomial, 1),
  epil = list(function() read("epil.csv", c("subject", "trt")),
              y ~ lbase4 * trt + lage + V4 + (1 | subject), poisson, 1),
  contraception = list(function() read("contraception.csv", c("district", "urban", "livch")),
                       y ~ age + age2 + urban + livch + (1 | district), binomial, 1),
  contraception_slope = list(function() read("contraception.csv", c("district", "urban", "livch")),
                             y ~ age + age2 + urban + livch + (urban | district), binomial, 1),
  grouseticks = list(function() read("grouseticks.csv", c("BROOD", "INDEX", "LOCATION", "YEAR")),
                     TICKS ~ YEAR + h + (1 | BROOD) + (1 | INDEX) + (1 | LOCATION), poisson, 1),
  verbagg = list(function() transform(VerbAgg, y = as.integer(r2 == "Y")),
                 y ~ Anger + Gender + btype + situ + (1 | id) + (1 | item), binomial, 1),
  bernoulli2e5 = list(function() read("bernoulli2e5.csv", "g"), y ~ x + (1 | g), binomial, 1),
  bernoulli2e5_agq10 = list(function() read("bernoulli2e5.csv", "g"), y ~ x + (1 | g), binomial, 10),
  bernoulli1e6 = list(function() read("bernoulli1e6.csv", "g"), y ~ x1 + x2 + (1 | g), binomial, 1),
  counts1e5 = list(function() read("counts1e5.csv", c("a", "b")), y ~ x + (1 | a) + (1 | b), poisson, 1))
status <- function(key) {
  lines <- readLines("/proc/self/status")
  as.numeric(gsub("[^0-9]", "", lines[grepl(key, lines)])) / 1024
}
spec <- if (case %in% names(generalised)) generalised[[case]] else cases[[case]]
data <- spec[[1]]()
# Generalised models. With several quadrature points glmer's deviance is relative to the saturated
# model, whose log-likelihood is added here so that all engines tell the same number.
if (case %in% names(generalised)) {
  saturated <- function(m) if (spec[[4]] == 1) 0 else {
    y <- m@resp$y; w <- m@resp$weights
    -2 * sum(dbinom(round(y * w), w, y, log = TRUE))
  }
  fit <- switch(engine,
    lme4 = function() glmer(spec[[2]], data, spec[[3]], nAGQ = spec[[4]]),
    lme4tuned = function() glmer(spec[[2]], data, spec[[3]], nAGQ = spec[[4]],
      control = glmerControl(optimizer = "nloptwrap", calc.derivs = FALSE)),
    glmmtmb = function() glmmTMB::glmmTMB(spec[[2]], data, spec[[3]]))
  base <- status("VmRSS"); seconds <- 1
  for (r in seq_len(reps + (reps > 1))) {
    if (seconds > 0.05) gc(FALSE)
    begin <- Sys.time()
    m <- suppressWarnings(suppressMessages(fit()))
    seconds <- as.numeric(Sys.time() - begin, units = "secs")
    if (reps > 1 && r == 1) next
    tmb <- engine == "glmmtmb"
    cat(jsonlite::toJSON(list(case = case, engine = engine, seconds = seconds,
          criterion = -2 * as.numeric(logLik(m)) + if (tmb) 0 else saturated(m),
          evaluations = if (tmb) m$fit$evaluations[[1]] else m@optinfo$feval,
          memory = status("VmHWM") - base), auto_unbox = TRUE, digits = 14), "\n", sep = "")
  }
  quit("no")
}
control <- lmerControl(calc.derivs = engine != "lme4tuned")
invisible(gc())
base <- status("VmRSS")
# lmerTest's summary: the Hessian of all variance parameters and the text, from a fit at hand.
if (case == "insteval_summary") {
  m <- suppressWarnings(suppressMessages(lmer(spec[[2]], data, REML = TRUE, control = control)))
  for (r in seq_len(reps)) {
    seconds <- system.time(invisible(capture.output(
      print(summary(lmerTest::as_lmerModLmerTest(m))))))[["elapsed"]]
    cat(jsonlite::toJSON(list(case = case, engine = engine, seconds = seconds,
                              criterion = REMLcrit(m), evaluations = m@optinfo$feval,
                              memory = status("VmHWM") - base),
                         auto_unbox = TRUE, digits = 14), "\n", sep = "")
  }
  quit("no")
}
seconds <- 1
for (r in seq_len(reps + (reps > 1))) {
  # Before a short fit garbage is not collected: that would empty the caches.
  if (seconds > 0.05) gc(FALSE)
  begin <- Sys.time()
  m <- suppressWarnings(suppressMessages(
    lmer(spec[[2]], data, REML = spec[[3]], control = control)))
  seconds <- as.numeric(Sys.time() - begin, units = "secs")
  if (reps > 1 && r == 1) next
  criterion <- if (spec[[3]]) REMLcrit(m) else deviance(m)
  cat(jsonlite::toJSON(list(case = case, engine = engine, seconds = seconds,
                            criterion = criterion, evaluations = m@optinfo$feval,
                            theta = unname(getME(m, "theta")), memory = status("VmHWM") - base),
                       auto_unbox = TRUE, digits = 14), "\n", sep = "")
}
