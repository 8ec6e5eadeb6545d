# R's model matrices, random terms, labels and sort order -> design.json.  Run here: Rscript design.R
suppressMessages({library(jsonlite); library(splines); library(lme4)})
icuSetCollate(locale = "en_US")
n <- 24
d <- data.frame(
  y = round(5 + sin(1:n) * 3 + (1:n) / 7, 3),
  x = round(cos(1:n * 1.7) * 2 + 3, 3),
  z = c(3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8, 4, 6, 2, 6, 4),
  k = rep(1:3, 8))
d$a <- factor(rep(c("lo", "hi", "mid"), each = 2, times = 4), levels = c("lo", "mid", "hi"))
d$b <- factor(rep(c("u", "v"), 12))
d$c <- factor(rep(c("P", "q", "R", "s"), times = 6), levels = c("P", "q", "R", "s"))
d$o <- factor(rep(c("cold", "warm", "hot", "boil", "burn"), length.out = n),
              levels = c("cold", "warm", "hot", "boil", "burn"), ordered = TRUE)
d$t <- d$z > 4
d$s <- rep(c("beta", "Alpha", "alpha", "10", "9"), length.out = n)
d$my.var <- rev(d$z)
d[["odd name"]] <- rev(d$x)
d$g <- factor(rep(1:6, each = 4)); d$h <- factor(rep(c("m", "n", "p"), 8))
formulas <- c(
  "y ~ 1", "y ~ 0 + x", "y ~ x - 1", "y ~ x + z", "y ~ x*z", "y ~ a", "y ~ 0 + a", "y ~ a + b",
  "y ~ 0 + a + b", "y ~ 0 + x + a", "y ~ a*b", "y ~ a:b", "y ~ 0 + a:b", "y ~ a + a:b", "y ~ b:a + a",
  "y ~ a/b", "y ~ a/x", "y ~ 0 + a/x", "y ~ x:a", "y ~ 0 + x:a", "y ~ x + x:a", "y ~ 0 + x + x:a",
  "y ~ x*a*b", "y ~ (a + b + c)^2", "y ~ (a + b + x)^2 - a:x", "y ~ b %in% a", "y ~ a + b %in% a",
  "y ~ a*b*c - a:b:c", "y ~ a:b:x + x", "y ~ a:x + b:x", "y ~ a:x + b:x + c:x", "y ~ a:b + a:c + b:c", "y ~ a + b:c", "y ~ a:b:c + a:x", "y ~ 0 + a:x + b:x", "y ~ o", "y ~ 0 + o", "y ~ o*x", "y ~ t",
  "y ~ 0 + t", "y ~ t*a", "y ~ s", "y ~ s:x", "y ~ factor(k)", "y ~ factor(k)*x", "y ~ C(a, sum)",
  "y ~ C(a, contr.sum)*x", "y ~ C(a, helmert) + C(c, poly)", "y ~ C(o, contr.treatment)", "y ~ C(o, treatment)", "y ~ C(a, \"contr.sum\")", "y ~ C(o)", "y ~ poly(x, 2)",
  "y ~ poly(x, 3)*a", "y ~ poly(x, 3, raw = TRUE)", "y ~ ns(x, 3)", "y ~ ns(x, df = 4)", "y ~ ns(x, knots = c(2, 3.5))",
  "y ~ ns(x, df = 3, intercept = TRUE)", "y ~ bs(x, df = 5)", "y ~ bs(x)", "y ~ bs(x, knots = 3, degree = 2)",
  "y ~ scale(x)", "y ~ scale(x, scale = FALSE)*b", "y ~ scale(x, center = FALSE)", "y ~ I(x^2) + I(x/z)", "y ~ log(x) + exp(z/10) + sqrt(z)",
  "log(y) ~ log(z, 2) + log10(z) + abs(x - 3)", "y ~ I(z > 4)", "y ~ my.var + `odd name`", "y ~ `odd name`:a",
  "y ~ relevel(a, ref = \"hi\")", "y ~ as.numeric(a)", "y ~ ordered(k)", "y ~ cut(z, c(0, 3, 6, 9))", "y ~ cut(z, 3)",
  "y ~ ifelse(z > 4, x, 0)", "y ~ pmin(x, z) + pmax(x, 3)", "y ~ x + offset(log(z))", "y ~ z %% 2 + z %/% 2", "y ~ I(-x) + I(!t)",
  "y ~ x^2", "y ~ (x + z)^2", "y ~ a*b - b", "y ~ x + 0 + 1", "y ~ a - 1 + b", "y ~ c:b:a + a:c + b",
  "y ~ x:z + a:x:z", "y ~ 0 + a:x + b", "y ~ cbind(x, z)", "y ~ (a + b)/x", "y ~ a/(b + x)", "y ~ factor(k):a", "y ~ z == 3", "y ~ a == \"lo\"",
  "y ~ round(x, 1) + floor(x) + ceiling(x) + sign(x - 3)")
matrices <- lapply(formulas, function(f) {
  mf <- model.frame(as.formula(f), d)
  m <- model.matrix(attr(mf, "terms"), mf)
  m2 <- lm(as.formula(f), d)
  dropped <- names(coef(m2))[is.na(coef(m2))]
  list(formula = f, names = colnames(m), columns = unname(apply(m, 2, identity, simplify = FALSE)),
       assign = attr(m, "assign"), terms = attr(terms(mf), "term.labels"), dropped = dropped,
       y = unname(model.response(mf)), offset = model.offset(mf))
})
lists <- list(list("y ~ a*x", list(a = "contr.sum")), list("y ~ a*b", list(a = "contr.helmert", b = "contr.sum")),
              list("y ~ o", list(o = "contr.treatment")), list("y ~ 0 + a + c", list(c = "contr.poly")), list("y ~ t", list(t = "contr.sum")),
              list("y ~ s*x", list(s = "contr.sum")))
with_contrasts <- lapply(lists, function(s) {
  m <- model.matrix(as.formula(s[[1]]), d, contrasts.arg = s[[2]])
  list(formula = s[[1]], contrasts = s[[2]], names = colnames(m), columns = unname(apply(m, 2, identity, simplify = FALSE)))
})
bars <- c("y ~ x + (x | g)", "y ~ x + (x || g)", "y ~ x + (0 + x | g)", "y ~ x + (1 | g/h)", "y ~ (1 | g/h/b)", "y ~ (1 | g:h)",
  "y ~ (1 | h) + (1 | g)", "y ~ (x || h) + (1 | g)", "y ~ (a | g)", "y ~ (0 + a | g)", "y ~ (I(x^2) | g)", "y ~ (poly(x, 2) | g)",
  "y ~ (x*z || g)", "y ~ (x || g/h)", "y ~ (x | g) + (0 + z | g)", "y ~ (1 | b) + (1 | a) + (1 | h) + (1 | g)",
  "y ~ (1 | g) + (0 + x | h) + (1 | h)", "y ~ (x:b | g)", "y ~ (0 + b:x | h)", "y ~ . - s - o - t + (1 | g)", "y ~ (log(z) + b | h)",
  "y ~ (1 | s)", "y ~ (1 | o:b)", "y ~ 0 + (1 | g)", "log(y) ~ scale(x) + (scale(x) | g)", "y ~ (1 | t)", "y ~ (o | b)")
ctl <- lmerControl(check.nobs.vs.nRE = "ignore", check.nobs.vs.nlev = "ignore", check.nobs.vs.rankZ = "ignore", check.nlev.gtr.1 = "ignore")
random <- lapply(bars, function(f) {
  r <- suppressMessages(lFormula(as.formula(f), d, control = ctl)); t <- r$reTrms
  list(formula = f, X = colnames(r$X), groups = names(t$cnms), columns = unname(lapply(t$cnms, as.character)),
       factors = names(t$flist), levels = unname(lapply(t$flist, levels)), codes = unname(lapply(t$flist, function(q) as.integer(q) - 1L)),
       Zt = unname(lapply(t$Ztlist, function(q) unname(as.matrix(q)))))
})
quotes <- c("I( x**2 )", "poly(x,2)", "log( x+1 )", "x/2", "C(f,'sum')", "I(x * 2 - 1)", "a%in%b", "I(-x^2)", "x %% 3", "f(x, df=3)",
            "I((x + 1)/2)", "I(1e5 * x)", "I(x * 0.1)", "I(123456 * x)", "I(x/1e-7)", "I(!a)", "I(a & b)", "I(x>3)", "x==\"a\"", "scale(x, center=TRUE, scale=FALSE)")
labels <- lapply(quotes, function(q) list(text = q, label = paste(deparse(str2lang(q), width.cutoff = 500), collapse = "")))
set.seed(7)
grow <- function(depth) {
  if (depth == 0 || runif(1) < 0.15) return(sample(c("a", "b", "c", "e", "1", "0"), 1, prob = c(4, 4, 4, 4, 1, 1)))
  op <- sample(c(" + ", "*", ":", "/", " - ", " %in% ", "^"), 1, prob = c(6, 3, 3, 2, 2 * (depth == 3), 1, 1))
  left <- grow(depth - 1); if (op %in% c("*", ":", "/", " %in% ", "^") || runif(1) < 0.3) left <- paste0("(", left, ")")
  if (op == "^") return(paste0(left, "^", sample(2:3, 1)))
  right <- grow(depth - 1); if (op != " + " || runif(1) < 0.3) right <- paste0("(", right, ")")
  paste0(left, op, right)
}
algebra <- lapply(unique(replicate(400, grow(3))), function(f) {
  # A bare 0 or 1 inside *, : or / has no agreed meaning.
  if (grepl("[01]", gsub("\\^[23]", "", f)) && grepl("[*:/^%]", f)) return(NULL)
  t <- try(terms(as.formula(paste("y ~", f))), silent = TRUE); if (inherits(t, "try-error")) return(NULL)
  list(formula = paste("y ~", f), labels = I(attr(t, "term.labels")), intercept = attr(t, "intercept"))
})
algebra <- Filter(Negate(is.null), algebra)
words <- c("b", "A", "a", "B", "10", "9", "_x", "-a", "a b", "ab", "a-b", "a_b", "Ab", "aB", "é", "e", "f", "É", "z", "ä", "ß", "st", "ss",
           "A1", "a1", "a2", "A10", "(b)", "$a", "+a", " a", "~q", "<x", "x>y", "x.y", "x,y", "Zoë", "zoe", "Zoe", "ñ", "n", "o")
spread <- lapply(c(0, 100, 1e4, 1e6), function(m) { x <- m + d$x; f <- lm(d$y ~ x + I(2 * x) + d$z); list(x = x, dropped = unname(which(is.na(coef(f)))) - 1L) })
out <- list(data = lapply(d, function(v) if (is.factor(v)) as.character(v) else v),
            levels = lapply(Filter(is.factor, d), levels), matrices = matrices, contrasts = with_contrasts, random = random,
            labels = labels, algebra = algebra, words = words, sorted = sort(words), spread = spread)
write(toJSON(out, digits = I(17), auto_unbox = TRUE, null = "null"), "design.json")
