# The data sets and the models that lmm.R and lm.R freeze; sourced by both.
# Run from this folder:  Rscript lmm.R   (data in ../../../shared/data)
suppressMessages({library(lme4); library(lmerTest); library(jsonlite)})
options(width = 80, digits = 7)
DATA <- Sys.getenv("NESTWISE_DATA", "../../../shared/data")
SCHEMA <- fromJSON(file.path(DATA, "schema.json"), simplifyVector = FALSE)

rd <- function(name) {
  spec <- SCHEMA[[name]]
  d <- read.csv(file.path(DATA, spec$file), check.names = FALSE,
                colClasses = sapply(spec$columns, function(k)
                  if (k$type == "factor") "character" else NA))
  for (v in names(spec$columns)) {
    k <- spec$columns[[v]]
    if (k$type == "factor")
      d[[v]] <- factor(d[[v]], levels = unlist(k$levels), ordered = isTRUE(k$ordered))
  }
  d
}
more <- function(d) {                       # deterministic weights and offset
  i <- seq_len(nrow(d)) - 1
  d$w <- 1 + i %% 3; d$off <- 10 * (i %% 5); d
}

# name = list(data, formula, REML, weights)
MODELS <- list(
  tutorial_null = list("hlm_tutorial", "math_score ~ 1 + (1 | classroom_id)"),
  tutorial_full = list("hlm_tutorial", "math_score ~ intervention + ses + intervention*ses + (1 + intervention | classroom_id)"),
  sleepstudy = list("sleepstudy", "Reaction ~ Days + (Days | Subject)"),
  sleepstudy_ml = list("sleepstudy", "Reaction ~ Days + (Days | Subject)", reml = FALSE),
  sleepstudy_uncorrelated = list("sleepstudy", "Reaction ~ Days + (Days || Subject)"),
  sleepstudy_intercept = list("sleepstudy", "Reaction ~ Days + (1 | Subject)"),
  sleepstudy_weights = list("sleepstudy", "Reaction ~ Days + (Days | Subject)", weights = "w"),
  sleepstudy_offset = list("sleepstudy", "Reaction ~ Days + offset(off) + (Days | Subject)"),
  sleepstudy_log = list("sleepstudy", "log(Reaction) ~ poly(Days, 2) + (1 | Subject)"),
  dyestuff = list("Dyestuff", "Yield ~ 1 + (1 | Batch)"),
  dyestuff2 = list("Dyestuff2", "Yield ~ 1 + (1 | Batch)"),
  penicillin = list("Penicillin", "diameter ~ 1 + (1 | plate) + (1 | sample)"),
  pastes = list("Pastes", "strength ~ 1 + (1 | batch/cask)"),
  cake = list("cake", "angle ~ recipe * temperature + (1 | recipe:replicate)"),
  machines = list("Machines", "score ~ Machine + (Machine | Worker)"),
  pixel = list("Pixel", "pixel ~ day + I(day^2) + (day | Dog) + (1 | Side:Dog)"),
  exam = list("Exam", "normexam ~ standLRT + sex + (standLRT | school)"),
  classroom = list("classroom", "mathgain ~ mathkind + sex + minority + ses + housepov + (1 | schoolid/classid)"),
  insteval = list("InstEval", "y ~ service + (1 | s) + (1 | d) + (1 | dept:service)")
)
TIGHT <- lmerControl(optimizer = "bobyqa", calc.derivs = TRUE, check.conv.grad = "ignore",
                     check.conv.hess = "ignore", check.conv.singular = "ignore",
                     optCtrl = list(rhoend = 1e-10, maxfun = 1e5))
fit <- function(spec) {
  data <- more(rd(spec[[1]]))
  reml <- !identical(spec$reml, FALSE)
  call <- list(quote(lmerTest::lmer), as.formula(spec[[2]]), data = quote(data), REML = reml,
               control = quote(TIGHT))
  if (!is.null(spec$weights)) call$weights <- as.name(spec$weights)
  m <- suppressMessages(suppressWarnings(eval(as.call(call))))
  m@call$control <- NULL
  list(m = m, data = data)
}
